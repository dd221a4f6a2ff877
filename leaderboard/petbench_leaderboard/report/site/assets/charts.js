// Draw every chart of the page with Bokeh, in the colours of the page, light or dark.
"use strict";

(() => {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();

  const paint = () => {
    const ink = colour("--quiet");
    const mark = colour("--worse");
    for (const document_ of Bokeh.documents) {
      for (const model of document_.all_models) {
        const has = (name) => name in model.properties;
        const wanted = {
          axis_label_text_color: ink, major_label_text_color: ink, axis_line_color: ink, major_tick_line_color: ink,
          label_text_color: ink, grid_line_color: ink,
        };
        for (const [name, value] of Object.entries(wanted)) {
          if (has(name) && model[name] !== null) model[name] = value;
        }
        if (model.type === "Text") model.text_color = { value: ink };
        if (model.type === "Label") model.text_color = mark;
        if (model.type === "Span") model.line_color = model.line_dash.length ? mark : ink;
        if (model.type === "Legend") {
          model.background_fill_color = null;
          model.border_line_color = null;
        }
      }
    }
  };

  const draw = async () => {
    let number = 0;
    for (const place of document.querySelectorAll(".drawn")) {
      const item = JSON.parse(place.querySelector("script").textContent);
      place.id = `chart-${number++}`;
      await Bokeh.embed.embed_item(item, place.id);
    }
    paint();
    document.documentElement.dataset.charts = String(number);
  };

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  draw();
})();
