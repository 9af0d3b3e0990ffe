from django.apps import AppConfig


class ExportsConfig(AppConfig):
    name = "invoiceapp.exports"
    label = "exports"
