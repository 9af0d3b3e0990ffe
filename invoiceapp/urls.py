"""Where every page lives. Importing this must not import a model library."""

from django.contrib.auth import views as auth_views
from django.urls import include, path

from invoiceapp.web import office, views
from invoiceapp.web.signin import SignInView

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", views.healthz, name="healthz"),
    path("sign-in/", SignInView.as_view(), name="login"),
    path("sign-out/", auth_views.LogoutView.as_view(), name="logout"),
    path("organization/", views.choose_organization, name="choose_organization"),
    path("invoices/", views.invoice_list, name="invoices"),
    path("invoices/<uuid:pk>/", views.invoice_detail, name="invoice"),
    path("invoices/<uuid:pk>/urgent/", views.make_urgent, name="invoice_urgent"),
    path("invoices/<uuid:pk>/read-again/", views.read_again, name="invoice_read_again"),
    path("", include("invoiceapp.intake.urls")),
    path("review/", include("review.urls")),
    path("settings/", office.reading_settings, name="settings"),
    path("settings/prompt/", office.prompt, name="prompt"),
    path("settings/people/", office.people, name="people"),
    path("settings/jobs/", office.jobs, name="jobs"),
    path("settings/vendors/", office.vendors, name="vendors"),
    path("approve/", include("invoiceapp.web.approval_urls")),
    path("exports/", include("invoiceapp.exports.urls")),
    path("reports/", include("invoiceapp.reports.urls")),
    path("api/v1/", include("invoiceapp.api.urls")),
]
