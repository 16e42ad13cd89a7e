// The reference that stands in an event for its data while the data lies in a store: CloudEvents extension dataref, the claim
// check. Pure. Law: wholeOf(lightOf(event), the data's bytes) is the event, attribute by attribute and byte by byte; what no
// attribute tells, the kind of the data, is in the object's name.
// Source: cloudevents/spec, extensions/dataref.md (read 2026-11-21).

import { hash } from 'node:crypto';
import type { Attributes, CloudEvent, EventData } from '../router/event.ts';

/** An object of the store, named by what it holds. */
export interface DataObject {
  /** `<64 hex digits>.<kind>` */
  readonly name: string;
  readonly sha256: string;
  readonly kind: EventData['kind'];
}

/** What an adapter has to know when the document has `oversize`. */
export interface Elsewhere {
  /** What every reference to the store begins with. */
  readonly uriPrefix: string;
  /** The event with its data; undefined when the data lies in the store and this process does not have it. */
  wholeOf(event: CloudEvent): CloudEvent | undefined;
}

const NAME = /^([0-9a-f]{64})\.(json|text|binary)$/;

/** What stands for these bytes in the store. */
export function objectOf({ kind, bytes }: EventData): DataObject {
  const sha256 = hash('sha256', bytes, 'hex');
  return { name: `${sha256}.${kind}`, sha256, kind };
}

/** The object that holds the event's data; undefined for an event that has data, and for the reference of anybody else. */
export function readReference({ attributes, data }: CloudEvent, uriPrefix: string): DataObject | undefined {
  const dataref = attributes['dataref'];
  if (data !== undefined || typeof dataref !== 'string' || !dataref.startsWith(uriPrefix)) return undefined;
  const [name, sha256, kind] = NAME.exec(dataref.slice(uriPrefix.length)) ?? [];
  return name === undefined ? undefined : { name, sha256: sha256!, kind: kind as EventData['kind'] };
}

/** Whether the event travels without its data, which lies in the store of this prefix. */
export function isLight(event: CloudEvent, uriPrefix: string): boolean {
  return readReference(event, uriPrefix) !== undefined;
}

/** The event without its data, which must be in the store under this name. */
export function lightOf({ attributes }: CloudEvent, { name }: DataObject, uriPrefix: string): CloudEvent {
  return { attributes: { ...attributes, dataref: uriPrefix + name } };
}

/** A light event's attributes as they were before. */
export function bareOf({ attributes }: CloudEvent): CloudEvent {
  const { dataref: _reference, ...own } = attributes;
  return { attributes: own as Attributes };
}

export function wholeOf(light: CloudEvent, data: EventData): CloudEvent {
  return { ...bareOf(light), data };
}
