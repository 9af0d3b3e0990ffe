"""Where files come in, and where they are shown again."""

from django.urls import path

from invoiceapp.intake import files, views

app_name = "intake"
urlpatterns = [
    path("upload/", views.upload, name="upload"),
    path("upload/file/", views.receive_file, name="file"),
    path("upload/<int:pk>/keep/", views.keep_picture, name="keep_picture"),
    path("upload/statuses/", views.statuses, name="statuses"),
    path("documents/<uuid:pk>/pages/<int:number>.jpg", files.page_picture, name="page"),
    path("documents/<uuid:pk>/thumbnail.jpg", files.thumbnail, name="thumbnail"),
    path("documents/<uuid:pk>/original", files.original, name="original"),
]
