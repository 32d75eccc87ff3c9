"""Settings of Sphinx for the site that `tools.site` makes: nothing is executed, nothing comes from the web."""

project = html_title = "The set-prediction loss"
author = "The set-prediction-loss authors"
copyright = f"{author}. Text and figures: CC BY 4.0. Code: MIT"

extensions = ["myst_nb"]
nb_execution_mode = "off"
nb_ipywidgets_js = {"require.js": {}, "anywidget-path.js": {}, "embed-amd.js": {}}
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 2
nb_render_markdown_format = "gfm"  # what cells say, too: it knows tables
# The glossary marks its terms by HTML anchors, which MyST does not look into; tests do.
suppress_warnings = ["myst.xref_missing"]

mathjax_path = "tex-svg-full.js"
mathjax3_config = {"tex": {"packages": {"[+]": ["textmacros"]}}}

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["theme.js", "reading.js"]
html_show_search_summary = False  # it is fetched, which browsers refuse to pages opened from a folder
html_show_sphinx = html_show_sourcelink = html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0072b2", "color-brand-content": "#0072b2"},
    "dark_css_variables": {"color-brand-primary": "#56b4e9", "color-brand-content": "#56b4e9"},
}
