"""Pages of the reports."""

from django.urls import path

from invoiceapp.reports import views

app_name = "reports"
urlpatterns = [
    path("accuracy/", views.accuracy, name="accuracy"),
    path("accuracy/<slug:chart>.csv", views.accuracy_csv, name="accuracy_csv"),
    path("trials/", views.trial, name="trial"),
    path("trials/start/", views.start_trial, name="start_trial"),
    path("trials/<int:pk>/end/", views.end_trial, name="end_trial"),
    path("operations/", views.operations_page, name="operations"),
    path("operations/<uuid:pk>/again/", views.try_again, name="try_again"),
]
