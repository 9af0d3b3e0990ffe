from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "invoiceapp.web"
    label = "web"
