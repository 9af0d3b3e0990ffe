"""Addresses of the API."""

from django.urls import path

from invoiceapp.api import views

app_name = "api"
urlpatterns = [
    path("invoices/", views.Invoices.as_view(), name="invoices"),
    path("invoices/<uuid:pk>/", views.InvoiceDetail.as_view(), name="invoice"),
    path("uploads/<int:pk>/keep/", views.KeepPicture.as_view(), name="keep_picture"),
    path("batches/", views.Batches.as_view(), name="batches"),
    path("batches/<int:number>/", views.BatchDetail.as_view(), name="batch"),
    path("batches/<int:number>/files/<slug:kind>/", views.BatchFileContent.as_view(), name="batch_file"),
]
