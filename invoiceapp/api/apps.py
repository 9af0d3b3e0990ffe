from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "invoiceapp.api"
    label = "api"
