// A certified OpenID provider, scripted: it logs users in without a browser.
//
// Prints its issuer on a line when it serves. Ends when its standard input does.
//
//   GET  /.well-known/openid-configuration, /jwks; POST /token, /token/introspection: the provider's own
//   POST /login: {"sub", "acr", "amr", "auth_time", "scope", "resource"} gives what the token endpoint answers for it
//
// Access tokens for https://api.example.com are JWTs, those for https://opaque.example.com are not.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';

// Only what a test has to see: that Node and the in-memory store are not for production is known here.
console.info = () => {};
console.warn = () => {};
const { default: Provider } = await import('oidc-provider');

const API = 'https://api.example.com';
const OPAQUE = 'https://opaque.example.com';
const REDIRECT = 'https://app.example.com/callback';

const jwk = (type, options, members) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }),
  ...members,
});
const settings = JSON.parse(process.env.STEPUP_IDP ?? '{}');

const server = createServer();
await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
const issuer = `http://127.0.0.1:${server.address().port}`;

const client = (members) => ({
  grant_types: ['client_credentials'], redirect_uris: [], response_types: [], ...members,
});

const provider = new Provider(issuer, {
  acrValues: ['1', '2', 'phr'],
  clients: [
    client({
      client_id: 'app', client_secret: 'app-secret', grant_types: ['authorization_code', 'client_credentials'],
      response_types: ['code'], redirect_uris: [REDIRECT],
    }),
    client({ client_id: 'gateway', client_secret: settings.gateway_secret ?? 'gateway-secret' }),
    client({
      client_id: 'gateway-key', token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: settings.gateway_keys ?? [] },
    }),
  ],
  clientAuthMethods: ['client_secret_basic', 'private_key_jwt'],
  enabledJWA: { clientAuthSigningAlgValues: ['ES256', 'EdDSA', 'RS256'] },
  jwks: {
    keys: [
      jwk('ec', { namedCurve: 'P-256' }, { use: 'sig', kid: 'ec', alg: 'ES256' }),
      jwk('rsa', { modulusLength: 2048 }, { use: 'sig', kid: 'rsa', alg: 'RS256' }),
    ],
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => OPAQUE,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource) => ({
        scope: 'read payments', audience: resource, accessTokenTTL: 300,
        accessTokenFormat: resource === API ? 'jwt' : 'opaque', jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  // What RFC 9470 §6 wants in access tokens, the provider has to be told to put there.
  extraTokenClaims(ctx) {
    const code = ctx?.oidc?.entities?.AuthorizationCode;
    return code && { acr: code.acr, amr: code.amr, auth_time: code.authTime };
  },
  interactions: { url: () => '/nowhere' },
});

provider.on('server_error', (ctx, error) => console.error(error));

// Does what the authorization endpoint does after a login, then redeems the code as a client would.
async function login({ sub = 'alice', acr, amr, auth_time: authTime, scope = 'read', resource = API }) {
  const grant = new provider.Grant({ accountId: sub, clientId: 'app' });
  grant.addOIDCScope('openid');
  grant.addResourceScope(resource, scope);
  const grantId = await grant.save();
  const app = await provider.Client.find('app');
  const code = new provider.AuthorizationCode({
    accountId: sub, client: app, grantId, gty: 'authorization_code', redirectUri: REDIRECT,
    scope: `openid ${scope}`, resource, acr, amr, authTime, claims: {},
  });
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('app:app-secret')}` },
    body: new URLSearchParams({
      grant_type: 'authorization_code', code: await code.save(), redirect_uri: REDIRECT, resource,
    }),
  });
  return { status: answer.status, body: await answer.text() };
}

const serve = provider.callback();
server.on('request', (request, response) => {
  if (request.url !== '/login') {
    serve(request, response);
    return;
  }
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', async () => {
    try {
      const { status, body } = await login(JSON.parse(Buffer.concat(chunks).toString()));
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    } catch (error) {
      response.writeHead(500).end(String(error?.stack ?? error));
    }
  });
});

console.log(issuer);
process.stdin.on('end', () => process.exit(0)).resume();
