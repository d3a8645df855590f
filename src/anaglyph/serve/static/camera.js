// A photo from the camera as a query. The stream stays in this page and ends with the dialog.

import { button, make, openDialog, say } from "./dom.js";

/** Open the camera; `give(file)` gets the photo. */
export async function takePhoto(give) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  } catch (reason) {
    say(reason.name === "NotAllowedError" ? "The browser was told not to use the camera." : "No camera was found.", {
      error: true,
    });
    return;
  }
  const video = make("video", { autoplay: true, muted: true, playsinline: true, "aria-label": "What the camera sees" });
  video.srcObject = stream;
  const dialog = openDialog(
    { class: "card camera", "aria-label": "Photo for a search" },
    video,
    make(
      "p",
      { class: "buttons" },
      button(
        "Take the photo",
        async () => {
          const file = await still(video);
          dialog.close();
          give(file);
        },
        { class: "plain strong", autofocus: true },
      ),
      button("Cancel", () => dialog.close()),
    ),
  );
  dialog.addEventListener("close", () => stream.getTracks().forEach((track) => track.stop()));
}

function still(video) {
  const canvas = make("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((done) =>
    canvas.toBlob((blob) => done(new File([blob], "photo.jpg", { type: "image/jpeg" })), "image/jpeg", 0.9),
  );
}
