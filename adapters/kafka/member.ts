// A process killed with -9 stays a member of its group until its session ends, and nobody reads its partitions meanwhile.
// The process that starts on the same data folder knows that it is dead and takes it out of the group first. Members of a
// data folder are known by their client id.

import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What is needed of kafkajs's cluster: an assigner is handed it, and there is no other way to the coordinator. */
export interface Cluster {
  findGroupCoordinator(of: { groupId: string }): Promise<Coordinator>;
}

interface Coordinator {
  describeGroups(of: { groupIds: readonly string[] }): Promise<{
    readonly groups: readonly {
      readonly members: readonly { readonly memberId: string; readonly clientId: string }[];
    }[];
  }>;
  leaveGroup(member: { groupId: string; memberId: string }): Promise<unknown>;
}

const CLIENT_ID = /^busway-[0-9a-f]{16}$/;

/** The client id of this data folder, made on first use. Safe because one process owns a data folder. */
export function clientIdOf(dataDir: string): string {
  const file = join(dataDir, 'kafka-client-id');
  try {
    const kept = readFileSync(file, 'utf8').trim();
    if (CLIENT_ID.test(kept)) return kept;
  } catch {
    // Not there yet.
  }
  const fresh = `busway-${randomBytes(8).toString('hex')}`;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(file, fresh);
  return fresh;
}

/** Before this process joins, everything of the group that has its client id leaves. */
export function replacePredecessor(cluster: Cluster, groupId: string, clientId: string): void {
  const find = cluster.findGroupCoordinator.bind(cluster);
  let first = true;
  cluster.findGroupCoordinator = async (of) => {
    const coordinator = await find(of);
    if (first && of.groupId === groupId) {
      first = false;
      // Where this is not allowed or fails, the session's end does the same a little later.
      await removeMembers(coordinator, groupId, clientId).catch(() => undefined);
    }
    return coordinator;
  };
}

async function removeMembers(coordinator: Coordinator, groupId: string, clientId: string): Promise<void> {
  const { groups } = await coordinator.describeGroups({ groupIds: [groupId] });
  const dead = groups.flatMap(({ members }) => members.filter((member) => member.clientId === clientId));
  for (const { memberId } of dead) await coordinator.leaveGroup({ groupId, memberId });
}
