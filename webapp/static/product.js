// The product page: images in a lightbox with the boxes of their text, frames that seek the video, a playhead over the MFCC picture.
const box = document.querySelector('#lightbox');
const images = [...document.querySelectorAll('#gallery a')];
let shown = 0;

function show(number) {
  shown = (number + images.length) % images.length;
  box.querySelector('img').src = images[shown].href;
  box.querySelector('.boxes')?.remove();
  const boxes = images[shown].querySelector('.boxes');
  if (boxes) box.querySelector('.shown').append(boxes.cloneNode(true));
  if (!box.open) box.showModal();
}

images.forEach((link, number) => link.addEventListener('click', (event) => {
  event.preventDefault();
  show(number);
}));
box.addEventListener('click', () => box.close());
box.addEventListener('keydown', (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step) show(shown + step);
});

const video = document.querySelector('video');
const frames = [...document.querySelectorAll('.seek')];
for (const frame of frames) {
  frame.disabled = !video;
  frame.addEventListener('click', () => { video.currentTime = Number(frame.dataset.second); });
}
video?.addEventListener('timeupdate', () => {
  for (const frame of frames) {
    frame.toggleAttribute('aria-current', Number(frame.dataset.second) === Math.floor(video.currentTime));
  }
});

for (const audio of document.querySelectorAll('audio')) {
  const head = audio.nextElementSibling?.querySelector('.playhead');
  audio.addEventListener('timeupdate', () => {
    if (!head || !audio.duration) return;
    head.hidden = false;
    head.style.left = `${(100 * audio.currentTime) / audio.duration}%`;
  });
}
