from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "invoiceapp.reports"
    label = "reports"
