"""Pages of the approval."""

from django.urls import path

from invoiceapp.web import approval

app_name = "approval"
urlpatterns = [
    path("", approval.to_approve, name="list"),
    path("approve/", approval.approve, name="approve"),
    path("<uuid:pk>/decline/", approval.decline, name="decline"),
]
