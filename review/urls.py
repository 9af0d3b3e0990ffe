"""Where the queue and the correction screen live."""

from django.urls import path

from review import views

app_name = "review"
urlpatterns = [
    path("", views.waiting, name="queue"),
    path("next/", views.start, name="next"),
    path("<int:pk>/", views.correct, name="correct"),
    path("<int:pk>/claim/", views.claim, name="claim"),
    path("<int:pk>/renew/", views.renew, name="renew"),
    path("<int:pk>/release/", views.release, name="release"),
    path("<int:pk>/skip/", views.skip, name="skip"),
    path("<int:pk>/reject/", views.reject, name="reject"),
    path("<int:pk>/take-back/", views.take_back, name="take_back"),
    path("<int:pk>/check/", views.check, name="check"),
    path("<int:pk>/ahead/", views.ahead, name="ahead"),
    path("<int:pk>/pages/<int:number>/words.json", views.words, name="words"),
]
