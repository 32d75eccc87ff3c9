require.config({ paths: { anywidget: "_static/anywidget" } });
