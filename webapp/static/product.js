// Product page: a lightbox with the text boxes of images, frames that seek the video, a playhead over the MFCC picture.
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

/** Draw the loudness of a clip over time, once it scrolls into view. */
async function drawWave(canvas, source) {
  const answer = await fetch(source);
  const clip = await new OfflineAudioContext(1, 1, 8000).decodeAudioData(await answer.arrayBuffer());
  const samples = clip.getChannelData(0);
  const context = canvas.getContext('2d');
  const each = Math.max(1, Math.floor(samples.length / canvas.width));
  context.fillStyle = getComputedStyle(canvas).color;
  for (let x = 0; x < canvas.width; x += 1) {
    const loudest = samples.slice(x * each, (x + 1) * each).reduce((most, one) => Math.max(most, Math.abs(one)), 0);
    context.fillRect(x, (canvas.height * (1 - loudest)) / 2, 1, Math.max(1, canvas.height * loudest));
  }
  canvas.dataset.drawn = 'yes';
}

const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    drawWave(target, target.closest('.clip').querySelector('audio').src).catch(() => { target.hidden = true; });
  }
});

for (const clip of document.querySelectorAll('.clip')) {
  const audio = clip.querySelector('audio');
  const head = clip.querySelector('.playhead');
  seen.observe(clip.querySelector('canvas'));
  audio.addEventListener('timeupdate', () => {
    if (!audio.duration) return;
    head.hidden = false;
    head.style.left = `${(100 * audio.currentTime) / audio.duration}%`;
  });
}
