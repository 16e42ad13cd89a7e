// Partition i of the events and of every retry topic go to one member: who reads an event also reads what was parked of
// it, so that order per key and "parked or done" are decided in one place.

import { createRequire } from 'node:module';
import type { PartitionAssigner } from './client.ts';
import { type Cluster, replacePredecessor } from './member.ts';

interface Protocol {
  readonly AssignerProtocol: {
    readonly MemberMetadata: { encode(metadata: object): Buffer };
    readonly MemberAssignment: { encode(assignment: object): Buffer };
  };
}

const NAME = 'BuswayTogether';
const NO_DATA = Buffer.alloc(0);

/** `memberIds` in any order; each partition number goes whole to one member. */
export function assignTogether(
  memberIds: readonly string[],
  partitionsOf: ReadonlyMap<string, readonly number[]>,
): ReadonlyMap<string, Readonly<Record<string, number[]>>> {
  const members = [...memberIds].sort();
  const assigned = new Map<string, Record<string, number[]>>(members.map((id) => [id, {}]));
  for (const [topic, partitions] of partitionsOf) {
    for (const partition of partitions) {
      const share = assigned.get(members[partition % members.length]!)!;
      share[topic] ??= [];
      share[topic].push(partition);
    }
  }
  return assigned;
}

/** `clientId`: of this data folder. */
export function createAssigner(clientId: string): PartitionAssigner {
  const { AssignerProtocol } = createRequire(import.meta.url)('kafkajs') as Protocol;
  const { MemberMetadata, MemberAssignment } = AssignerProtocol;
  return ({ cluster, groupId }) => {
    replacePredecessor(cluster as unknown as Cluster, groupId, clientId);
    return {
      name: NAME,
      version: 0,
      async assign({ members, topics }) {
        const partitionsOf = new Map(
          topics.map((topic) => {
            const found: { partitionId: number }[] = cluster.findTopicPartitionMetadata(topic);
            return [topic, found.map(({ partitionId }) => partitionId)] as const;
          }),
        );
        const assigned = assignTogether(
          members.map(({ memberId }) => memberId),
          partitionsOf,
        );
        return [...assigned].map(([memberId, assignment]) => ({
          memberId,
          memberAssignment: MemberAssignment.encode({ version: 0, assignment, userData: NO_DATA }),
        }));
      },
      protocol: ({ topics }) => ({
        name: NAME,
        metadata: MemberMetadata.encode({ version: 0, topics, userData: NO_DATA }),
      }),
    };
  };
}
