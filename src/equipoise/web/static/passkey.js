// A passkey is asked for, or made, by the browser; the form then carries its answer like any other.
"use strict";
const toBytes = (text) => Uint8Array.from(
  atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const toText = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const listed = (keys) => (keys || []).map((key) => ({ ...key, id: toBytes(key.id) }));

async function askServer(form, asker) {
  const fields = new URLSearchParams(new FormData(form));
  fields.set("_kind", asker.dataset.passkey);
  fields.set("_path", new URL(form.action).pathname);
  const answer = await fetch(asker.dataset.ask, { method: "POST", body: fields });
  if (!(answer.headers.get("Content-Type") || "").includes("json")) { location.reload(); return null; }
  const said = await answer.json();
  if (said.problem) throw new Error(said.problem);
  return said.publicKey;
}

async function askDevice(options, isNew) {
  const wanted = { ...options, challenge: toBytes(options.challenge) };
  wanted[isNew ? "excludeCredentials" : "allowCredentials"] =
    listed(isNew ? options.excludeCredentials : options.allowCredentials);
  if (isNew) wanted.user = { ...options.user, id: toBytes(options.user.id) };
  const given = isNew
    ? await navigator.credentials.create({ publicKey: wanted })
    : await navigator.credentials.get({ publicKey: wanted });
  const response = { clientDataJSON: toText(given.response.clientDataJSON) };
  const parts = isNew ? ["attestationObject"] : ["authenticatorData", "signature", "userHandle"];
  for (const part of parts) if (given.response[part]) response[part] = toText(given.response[part]);
  return JSON.stringify({ id: given.id, rawId: toText(given.rawId), type: given.type, response });
}

async function usePasskey(asker) {
  const form = asker.closest("form");
  const told = asker.querySelector("[role=alert]");
  const button = asker.querySelector("button");
  told.textContent = "";
  if (!form.reportValidity()) return;
  button.disabled = true;
  try {
    const options = await askServer(form, asker);
    if (!options) return;
    form.elements.passkey.value = await askDevice(options, asker.dataset.passkey === "enroll");
    form.submit();
  } catch (error) {
    told.textContent = error instanceof DOMException ? asker.dataset.none : error.message;
    button.disabled = false;
  }
}

document.addEventListener("DOMContentLoaded", () => {
  if (!window.PublicKeyCredential) return;
  for (const words of document.querySelectorAll("[data-without-passkeys]")) words.hidden = true;
  for (const asker of document.querySelectorAll("[data-passkey]")) {
    asker.hidden = false;
    asker.querySelector("button").addEventListener("click", () => usePasskey(asker));
    const form = asker.closest("form");
    if (form.querySelector("button:not([type=button])")) continue;
    form.addEventListener("submit", (event) => { event.preventDefault(); usePasskey(asker); });
  }
});
