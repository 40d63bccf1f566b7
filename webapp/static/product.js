// Product page: a lightbox with the text boxes of images, frames and sound of each video on one timeline that seeks it.
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
    drawWave(target, target.closest('.mfcc').dataset.sound).catch(() => { target.hidden = true; });
  }
});

/** Put the frames and the sound of a video on one timeline, a column a second; a click on either seeks the video. */
function layOut(clip) {
  const video = clip.querySelector('video');
  const track = clip.querySelector('.track');
  const head = clip.querySelector('.playhead');
  const figures = [...clip.querySelectorAll('figure')];
  const sounds = [...clip.querySelectorAll('.mfcc')];
  const ends = [
    ...figures.map((one) => Number(one.dataset.second) + 1),
    ...sounds.map((one) => Number(one.dataset.start) + Number(one.dataset.seconds)),
  ];
  const seconds = Math.ceil(Math.max(0, ...ends));
  track.style.gridTemplateColumns = `repeat(${seconds}, minmax(4.5rem, 1fr))`;
  for (const figure of figures) figure.style.gridColumn = `${Number(figure.dataset.second) + 1}`;
  for (const sound of sounds) {
    sound.style.marginLeft = `${(100 * sound.dataset.start) / seconds}%`;
    sound.style.width = `${(100 * sound.dataset.seconds) / seconds}%`;
    seen.observe(sound.querySelector('canvas'));
  }
  for (const button of clip.querySelectorAll('.seek')) {
    button.disabled = !video;
    button.addEventListener('click', () => { video.currentTime = Number(button.dataset.second); });
  }
  if (!video) return;
  for (const sound of sounds) {
    sound.addEventListener('click', (event) => {
      const left = event.clientX - track.getBoundingClientRect().left;
      video.currentTime = Math.max(0, (seconds * left) / track.clientWidth);
    });
  }
  video.addEventListener('timeupdate', () => {
    head.hidden = false;
    head.style.left = `${(100 * video.currentTime) / seconds}%`;
    for (const button of clip.querySelectorAll('.seek')) {
      button.toggleAttribute('aria-current', Number(button.dataset.second) === Math.floor(video.currentTime));
    }
  });
}

document.querySelectorAll('.clip').forEach(layOut);
