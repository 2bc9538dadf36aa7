"""Root URL configuration. api/urls.py has the routes of the API."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from api.errors import server_error_problem, status_problem
from api.views import HomePage

urlpatterns = [
    path("", HomePage.as_view(), name="home"),
    path("api/v1/", HomePage.as_view()),
    path("api/v1/", include("api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
]

handler400 = status_problem(400)
handler403 = status_problem(403)
handler404 = status_problem(404)
handler500 = server_error_problem
