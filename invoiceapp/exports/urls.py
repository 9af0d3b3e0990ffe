"""Pages of the exports."""

from django.urls import path

from invoiceapp.exports import views

app_name = "exports"
urlpatterns = [
    path("", views.ready, name="ready"),
    path("new/", views.export, name="export"),
    path("batches/", views.history, name="history"),
    path("batches/<int:number>/", views.batch, name="batch"),
    path("batches/<int:number>/again/", views.again, name="again"),
    path("batches/<int:number>/<slug:kind>/", views.download, name="download"),
]
