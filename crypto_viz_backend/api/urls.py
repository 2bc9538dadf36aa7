"""The routes of the API, under /api/v1/."""

from django.urls import path, register_converter

from api import views


class CryptoName:
    """Path converter for an asset or a pair. `BTC%2FUSD` arrives decoded, with a slash."""

    regex = "[^/]+(?:/[^/]+)?"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(CryptoName, "crypto")

urlpatterns = [
    path("prix/<crypto:crypto>/historique/", views.PriceHistory.as_view()),
    path("prix/<crypto:crypto>/temps_reel/", views.PriceLatest.as_view()),
    path("marche/<crypto:crypto>/", views.MarketLatest.as_view()),
    path("sentiment/<crypto:crypto>/historique/", views.SentimentHistory.as_view()),
    path("predictions/<crypto:crypto>/", views.Predictions.as_view()),
    path("articles/<crypto:crypto>/", views.Articles.as_view()),
    path("impact/<crypto:crypto>/", views.NewsImpact.as_view()),
    path("health/", views.Health.as_view()),
    path("health", views.Health.as_view(schema=None)),
]
