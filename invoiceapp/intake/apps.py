from django.apps import AppConfig


class IntakeConfig(AppConfig):
    name = "invoiceapp.intake"
    label = "intake"
