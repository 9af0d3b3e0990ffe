from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "invoiceapp.web"
    label = "web"

    def ready(self) -> None:
        """Register the system checks: they look at every part, so the topmost one brings them."""
        from invoiceapp import checks  # noqa: F401
