// Errors of the API in the common shape: a stable code, a sentence, no detail of our side.
import { ERRORS, type ErrorCode, MaruError } from '@maru/contract';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { errorBody } from '../http/http-error.ts';
import type { Counts } from '../telemetry/counts.ts';

/** What Fastify itself refuses, by its status. */
const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid-request',
  404: 'not-found',
  405: 'method-not-allowed',
  408: 'request-timeout',
  413: 'payload-too-large',
  414: 'invalid-request',
  415: 'unsupported-content-type',
};

export function answerErrors(api: FastifyInstance, counts: Counts): void {
  const send = sender(counts);
  api.setNotFoundHandler((request, reply) => send(request, reply, new MaruError('not-found')));
  api.setErrorHandler<FastifyError>((error, request, reply) => {
    const known = toMaruError(error);
    if (known.code === 'internal') request.log.error({ err: error, reqId: request.id }, 'a request failed');
    return send(request, reply, known);
  });
}

/** Addresses that Fastify refuses before any route or handler is asked. */
export function answerBadAddress(counts: Counts) {
  const send = sender(counts);
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    send(request, reply, toMaruError(error));
  };
}

function toMaruError(error: FastifyError): MaruError {
  if (error instanceof MaruError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const [first] = error.validation;
    const field = first?.instancePath.slice(1).replaceAll('/', '.') ?? '';
    const problem = first?.message ?? 'is not valid';
    const message = field === '' ? `${error.validationContext}: ${problem}` : `${field}: ${problem}`;
    return new MaruError('invalid-request', { message: message.slice(0, 200), cause: error });
  }
  const code = BY_STATUS[error.statusCode ?? 500] ?? 'internal';
  return new MaruError(code, { cause: error });
}

type Send = (request: FastifyRequest, reply: FastifyReply, error: MaruError) => FastifyReply;

function sender(counts: Counts): Send {
  return (request, reply, error) => {
    counts.refused(error.code);
    return send(request, reply, error);
  };
}

function send(request: FastifyRequest, reply: FastifyReply, error: MaruError): FastifyReply {
  const { status } = ERRORS[error.code];
  const body = errorBody(error, String(request.id));
  // RFC 6750 §3: a 401 says which scheme; the error only where a token was given.
  if (status === 401) {
    const given = error.code !== 'token-missing';
    reply.header('www-authenticate', given ? 'Bearer error="invalid_token"' : 'Bearer');
  }
  if (status === 503) reply.header('retry-after', '1');
  return reply.code(status).type('application/json; charset=utf-8').serializer(JSON.stringify).send(body);
}
