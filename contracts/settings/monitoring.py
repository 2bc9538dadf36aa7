"""Metrics, Prometheus and the candle audit."""

from pydantic import Field, PositiveFloat

from contracts.settings.base import Port, Section


class MetricsSection(Section):
    """Where a service's metrics are served; the port is in the service's own section."""

    metrics_host: str = Field("127.0.0.1", description="Address on which every service serves its metrics")


class CandleAuditSection(Section):
    """The pace and the metrics of candle_audit."""

    candle_audit_seconds: PositiveFloat = Field(
        300.0, description="Time between two comparisons of our candles with the venue's"
    )
    candle_audit_metrics_port: Port = Field(9107, description="Metrics of candle_audit")


class PrometheusSection(Section):
    """Prometheus."""

    prometheus_port: Port = Field(9090, description="Port of Prometheus, if it is installed")


class ServiceHostSection(Section):
    """Where the health check reaches the services; their ports are in their own sections."""

    service_host: str = Field(
        "127.0.0.1", description="Host of the services for the health check; {service} is replaced by its name"
    )

    def host_of(self, service: str) -> str:
        """The host of a service."""
        return self.service_host.replace("{service}", service)
