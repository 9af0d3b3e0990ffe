"""Where every page lives. Importing this must not import a model library."""

from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.utils.decorators import method_decorator

from invoiceapp.web import views as web

urlpatterns = [
    path("", web.home, name="home"),
    path("healthz", web.healthz, name="healthz"),
    path("sign-in/", auth_views.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("sign-out/", method_decorator(login_not_required, "dispatch")(auth_views.LogoutView).as_view(), name="logout"),
]
