"""What an operator watches the gateway with: collector, metrics, alerts, dashboards; a small collector for tests."""
