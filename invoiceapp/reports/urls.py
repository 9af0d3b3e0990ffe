"""Pages of the reports."""

from django.urls import path

from invoiceapp.reports import views

app_name = "reports"
urlpatterns = [
    path("accuracy/", views.accuracy, name="accuracy"),
    path("accuracy/<slug:chart>.csv", views.accuracy_csv, name="accuracy_csv"),
    path("operations/", views.operations_page, name="operations"),
    path("operations/<uuid:pk>/again/", views.try_again, name="try_again"),
]
