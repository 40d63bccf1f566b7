// Closes the facets where they would fill the screen.
const facets = document.querySelector('.facets');
if (facets && matchMedia('(max-width: 50rem)').matches) facets.open = false;
