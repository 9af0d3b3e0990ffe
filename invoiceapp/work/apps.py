from django.apps import AppConfig


class WorkConfig(AppConfig):
    name = "invoiceapp.work"
    label = "work"
