// busway kafka: a real Apache Kafka on this machine, without Docker where Java and Maven are.

import { unknownName } from '../../router/config.ts';
import { type Args, type Command, type Io, shared, usage } from '../command.ts';
import { defaultCacheDir, kafkaDown, kafkaStatus, kafkaUp } from '../kafka.ts';
import { dataDirOf } from '../router-file.ts';

const actions = ['up', 'down', 'status'] as const;

async function run(args: Args, io: Io): Promise<number> {
  const [word = ''] = args.words;
  const where = { dataDir: dataDirOf(args, io), cacheDir: defaultCacheDir(io.cwd), env: io.env, signal: io.signal };
  const print = (value: object, text: string): void => io.out(args.flag('json') ? JSON.stringify(value) : text);
  switch (word) {
    case 'up': {
      const broker = await kafkaUp({ ...where, download: true, onProgress: io.err });
      print(broker, `kafka ${broker.started ? 'started' : 'runs already'} at ${broker.brokers}`);
      return 0;
    }
    case 'down': {
      const { stopped, reason } = await kafkaDown({ ...where, onProgress: io.err });
      print(
        { stopped, ...(reason === undefined ? {} : { reason }) },
        stopped ? 'kafka stopped' : 'no kafka of this folder was running',
      );
      return 0;
    }
    case 'status': {
      const status = await kafkaStatus(where);
      print(
        status,
        `kafka ${status.state}${status.brokers === undefined ? '' : ` at ${status.brokers}`}${status.reason === undefined ? '' : ` (${status.reason})`}`,
      );
      return status.state === 'running' ? 0 : 1;
    }
    default:
      throw usage(`busway kafka: ${unknownName('action', word, actions)}`);
  }
}

export const kafka: Command = {
  name: 'kafka',
  usage: 'kafka up|down|status',
  says: 'Starts, stops or shows an Apache Kafka 4.3.1 of one node on 127.0.0.1. KAFKA_BROKERS wins: then that one is used.',
  example: 'busway kafka up',
  options: { data: shared.data, json: shared.json },
  words: 1,
  run,
};
