from django.apps import AppConfig


class RecordsConfig(AppConfig):
    name = "invoiceapp.records"
    label = "records"
    verbose_name = "Records"
