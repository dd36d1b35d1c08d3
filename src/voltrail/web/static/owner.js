// The page /owner: an address that ends in #TOKEN fills the form in. What stands behind # is sent to no server.

const field = document.querySelector("#token");
const token = location.hash.slice(1);
if (field && /^owner_[\w-]+$/.test(token)) {
  field.value = token;
  history.replaceState(null, "", location.pathname + location.search);
}
