// The slice viewer: every image of a participant at one slice, on one SUV scale, and its absolute error below.
"use strict";

(async () => {
  const participant = window.petbenchParticipant;
  const root = document.getElementById("viewer");
  const form = root.querySelector("form");
  const tiles = root.querySelector(".tiles");
  const [depth, height, width] = participant.shape; // z to the head, y to the back, x to the participant's left
  const [stepZ, stepY, stepX] = participant.spacing;
  const real = participant.volumes.length - 1;
  const defaults = { window: form.elements.window.value, error: form.elements.error.value };

  // Levels to SUV: stored as the square root of the part of the largest.
  const suv = Float32Array.from({ length: 256 }, (_, level) => participant.largest * (level / 255) ** 2);

  const STOPS = {
    grey: ["ffffff", "000000"],
    inferno: ["000004", "1b0c41", "4a0c6b", "781c6d", "a52c60", "cf4446", "ed6925", "fb9b06", "f7d13d", "fcffa4"],
    error: ["ffffff", "fcfdbf", "feca8d", "fd9668", "f1605d", "cd4071", "9e2f7f", "721f81", "440f76", "180f3d", "000004"],
  };

  const ramp = (stops) => {
    const colours = new Uint32Array(256);
    const parts = stops.map((text) => [0, 2, 4].map((at) => parseInt(text.slice(at, at + 2), 16)));
    for (let index = 0; index < 256; index += 1) {
      const place = (index / 255) * (parts.length - 1);
      const low = Math.min(Math.floor(place), parts.length - 2);
      const [red, green, blue] = parts[low].map((part, channel) => Math.round(part + (parts[low + 1][channel] - part) * (place - low)));
      colours[index] = (255 << 24) | (blue << 16) | (green << 8) | red;
    }
    return colours;
  };
  const RAMPS = Object.fromEntries(Object.entries(STOPS).map(([name, stops]) => [name, ramp(stops)]));

  // ---- volumes -------------------------------------------------------------------------------------------------

  const unpack = async ({ image: { across, source } }) => {
    const picture = new Image();
    picture.src = source;
    await picture.decode();
    const canvas = document.createElement("canvas");
    canvas.width = picture.naturalWidth;
    canvas.height = picture.naturalHeight;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    const volume = new Uint8Array(depth * height * width);
    for (let z = 0; z < depth; z += 1) {
      const top = Math.floor(z / across) * height;
      const left = (z % across) * width;
      for (let y = 0; y < height; y += 1) {
        const start = (top + y) * canvas.width + left;
        for (let x = 0; x < width; x += 1) volume[(z * height + y) * width + x] = pixels[4 * (start + x)];
      }
    }
    return volume;
  };

  const volumes = [];
  for (const volume of participant.volumes) volumes.push(await unpack(volume));

  // ---- planes --------------------------------------------------------------------------------------------------
  // A plane is a size in voxels and in millimetres, and a way from (row, column) to a value of a volume.

  const at = (volume, z, y, x) => volume[(z * height + y) * width + x];
  const errorAt = (volume) => (z, y, x) => Math.abs(suv[at(volume, z, y, x)] - suv[at(volumes[real], z, y, x)]);
  const suvAt = (volume) => (z, y, x) => suv[at(volume, z, y, x)];
  // A projection is a ray for each column: where in an axial slice it passes, the same in every slice and image.
  const across = (columns, length, place) =>
    Array.from({ length: columns }, (_, column) => Int32Array.from({ length }, (__, along) => place(column, along)));

  const turnedWidth = Math.ceil(Math.hypot(width * stepX, height * stepY) / stepX);

  const turned = (angle) => {
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    return Array.from({ length: turnedWidth }, (_, column) => {
      const ray = [];
      for (let along = 0; along < turnedWidth; along += 1) {
        const [u, v] = [(column - turnedWidth / 2) * stepX, (along - turnedWidth / 2) * stepX];
        const x = Math.round((u * cos - v * sin) / stepX + width / 2);
        const y = Math.round((u * sin + v * cos) / stepY + height / 2);
        if (x >= 0 && x < width && y >= 0 && y < height) ray.push(y * width + x);
      }
      return Int32Array.from(ray);
    });
  };

  const project = (volume, other, rays) => {
    const found = new Float32Array(depth * rays.length);
    for (let row = 0; row < depth; row += 1) {
      const base = (depth - 1 - row) * height * width;
      for (let column = 0; column < rays.length; column += 1) {
        let most = 0;
        for (const place of rays[column]) {
          const value = other ? Math.abs(suv[volume[base + place]] - suv[other[base + place]]) : volume[base + place];
          if (value > most) most = value;
        }
        found[row * rays.length + column] = other ? most : suv[most];
      }
    }
    return found;
  };

  const PLANES = {
    axial: { rows: height, columns: width, tall: height * stepY, wide: width * stepX, places: depth, start: participant.slice,
      read: (value, place) => (row, column) => value(place, row, column) },
    coronal: { rows: depth, columns: width, tall: depth * stepZ, wide: width * stepX, places: height, start: Math.floor(height / 2),
      read: (value, place) => (row, column) => value(depth - 1 - row, place, column) },
    sagittal: { rows: depth, columns: height, tall: depth * stepZ, wide: height * stepY, places: width, start: Math.floor(width / 2),
      read: (value, place) => (row, column) => value(depth - 1 - row, column, place) },
    "coronal-mip": { rows: depth, columns: width, tall: depth * stepZ, wide: width * stepX, places: 1, start: 0,
      rays: () => across(width, height, (column, along) => along * width + column) },
    "sagittal-mip": { rows: depth, columns: height, tall: depth * stepZ, wide: height * stepY, places: 1, start: 0,
      rays: () => across(height, width, (column, along) => column * width + along) },
    "rotating-mip": { rows: depth, columns: turnedWidth, tall: depth * stepZ, wide: turnedWidth * stepX, places: 24, start: 0,
      rays: (place) => turned((place / 24) * 2 * Math.PI) },
  };

  // ---- tiles ---------------------------------------------------------------------------------------------------

  const cache = new Map();
  const plane = () => form.elements.plane.value;

  const projected = (volume, isError, place) => project(volume, isError ? volumes[real] : null, raysOf(place));

  const raysOf = (place) => {
    const key = `rays ${plane()} ${place}`;
    if (!cache.has(key)) cache.set(key, PLANES[plane()].rays(place));
    return cache.get(key);
  };

  const sliced = (volume, isError, place) => {
    const { rows, columns, read } = PLANES[plane()];
    const value = read(isError ? errorAt(volume) : suvAt(volume), place);
    const found = new Float32Array(rows * columns);
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) found[row * columns + column] = value(row, column);
    }
    return found;
  };

  const valuesOf = (index, isError) => {
    const place = Number(form.elements.slice.value);
    const key = `${plane()} ${place} ${index} ${isError}`;
    if (!cache.has(key)) {
      if (cache.size > 400) cache.clear();
      cache.set(key, (PLANES[plane()].rays ? projected : sliced)(volumes[index], isError, place));
    }
    return cache.get(key);
  };

  const paint = (canvas, values, colours, limit) => {
    const { rows, columns, tall, wide } = PLANES[plane()];
    canvas.width = columns;
    canvas.height = rows;
    canvas.style.aspectRatio = `${wide} / ${tall}`; // millimetres: voxels need not be cubes
    canvas.style.maxWidth = `${(78 * wide) / tall}vh`;
    const context = canvas.getContext("2d");
    const image = context.createImageData(columns, rows);
    const pixels = new Uint32Array(image.data.buffer);
    const scale = 255 / limit;
    for (let index = 0; index < values.length; index += 1) pixels[index] = colours[Math.min(255, Math.round(values[index] * scale))];
    context.putImageData(image, 0, 0);
  };

  const made = participant.volumes.map(({ name }, index) => {
    const tile = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.textContent = name;
    const image = document.createElement("canvas");
    image.setAttribute("role", "img");
    tile.append(caption, image);
    let error = null;
    if (index !== real) {
      error = document.createElement("canvas");
      error.setAttribute("role", "img");
      error.className = "error";
      tile.append(error);
    }
    tiles.append(tile);
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = true;
    box.value = name;
    label.append(box, name);
    root.querySelector(".chosen").append(label);
    return { name, index, tile, box, image, error };
  });

  const draw = () => {
    const limit = Number(form.elements.window.value);
    const errorLimit = Number(form.elements.error.value);
    const place = Number(form.elements.slice.value);
    const { places } = PLANES[plane()];
    const colours = RAMPS[form.elements.colours.value];
    form.elements.place.textContent = places > 1 ? `${place + 1} of ${places}` : "all";
    form.elements.limit.textContent = String(limit);
    form.elements["error-limit"].textContent = String(errorLimit);
    root.querySelector('[data-of="limit"]').textContent = String(limit);
    root.querySelector('[data-of="error-limit"]').textContent = String(errorLimit);
    root.dataset.plane = plane();
    for (const { name, index, tile, box, image, error } of made) {
      tile.hidden = !box.checked;
      if (tile.hidden) continue;
      paint(image, valuesOf(index, false), colours, limit);
      image.setAttribute("aria-label", `${name}, ${plane()}, ${place + 1} of ${places}`);
      if (error) {
        error.hidden = !form.elements.errors.checked;
        if (!error.hidden) paint(error, valuesOf(index, true), RAMPS.error, errorLimit);
        error.setAttribute("aria-label", `absolute error of ${name}`);
      }
    }
    for (const [bar, ramp_] of [[".grey-bar", colours], [".error-bar", RAMPS.error]]) {
      const canvas = root.querySelector(bar);
      const context = canvas.getContext("2d");
      const image = context.createImageData(256, canvas.height);
      const pixels = new Uint32Array(image.data.buffer);
      for (let index = 0; index < pixels.length; index += 1) pixels[index] = ramp_[index % 256];
      context.putImageData(image, 0, 0);
    }
    root.dataset.drawn = `${plane()} ${place}`;
  };

  // ---- controls ------------------------------------------------------------------------------------------------

  const choosePlane = () => {
    const { places, start } = PLANES[plane()];
    const slider = form.elements.slice;
    slider.max = String(places - 1);
    slider.value = String(start);
    slider.disabled = places === 1;
    draw();
  };

  const go = (steps) => {
    const slider = form.elements.slice;
    const { places } = PLANES[plane()];
    const next = Number(slider.value) + steps;
    slider.value = String(plane() === "rotating-mip" ? (next + places) % places : next);
    draw();
  };

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => (event.target.name === "plane" ? choosePlane() : draw()));
  form.elements.reset.addEventListener("click", () => {
    form.elements.window.value = defaults.window;
    form.elements.error.value = defaults.error;
    form.elements.colours.value = "grey";
    form.elements.errors.checked = true;
    for (const { box } of made) box.checked = true;
    choosePlane();
  });
  tiles.addEventListener("wheel", (event) => {
    event.preventDefault();
    go(Math.sign(event.deltaY));
  }, { passive: false });
  tiles.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 5, PageDown: -5 }[event.key];
    if (steps) {
      event.preventDefault();
      go(steps);
    }
  });
  choosePlane();
})();
