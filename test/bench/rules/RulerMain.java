// event-ruler as the peer of the rules bench: the orders of test/bench/rules/orders.ts on standard input, an answer of one
// line of JSON each. Arguments: mode (text or parsed), file of rules, file of events. Prints nothing while measured.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import software.amazon.event.ruler.Machine;

public final class RulerMain {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final long BATCH_NANOS = 1_000_000;

    private final boolean parsed;
    private final List<String> names = new ArrayList<>();
    private final List<String> patterns = new ArrayList<>();
    private final String[] texts;
    private final JsonNode[] nodes;
    private final Machine machine = Machine.builder().build();
    private int cursor = 0;
    private int batch = 1;

    private RulerMain(String mode, Path rules, Path events) throws Exception {
        parsed = mode.equals("parsed");
        for (String line : Files.readAllLines(rules)) {
            JsonNode rule = JSON.readTree(line);
            names.add(rule.get("name").asText());
            patterns.add(rule.get("pattern").asText());
        }
        texts = Files.readAllLines(events).toArray(new String[0]);
        nodes = new JsonNode[parsed ? texts.length : 0];
        for (int i = 0; i < nodes.length; i++) {
            nodes[i] = JSON.readTree(texts[i]);
        }
    }

    public static void main(String[] args) throws Exception {
        RulerMain main = new RulerMain(args[0], Path.of(args[1]), Path.of(args[2]));
        say(main.build());
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = orders.readLine(); line != null; line = orders.readLine()) {
            say(main.answer(line.split(" ")));
        }
    }

    private static void say(Object answer) throws Exception {
        System.out.println(JSON.writeValueAsString(answer));
    }

    private Object answer(String[] order) throws Exception {
        switch (order[0]) {
            case "pass":
                return pass(Long.parseLong(order[1]) * 1_000_000);
            case "lists":
                return lists(Integer.parseInt(order[1]));
            case "alone":
                return alone(Integer.parseInt(order[1]), Integer.parseInt(order[2]));
            case "change":
                return change(Integer.parseInt(order[1]));
            default:
                throw new IllegalArgumentException("unknown order " + order[0]);
        }
    }

    private static long usedBytes() throws Exception {
        // More than once: what the first collection makes unreachable falls in the next.
        for (int i = 0; i < 3; i++) {
            System.gc();
            Thread.sleep(20);
        }
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    private Object build() throws Exception {
        long bytes = usedBytes();
        long cpu = SYSTEM.getProcessCpuTime();
        for (int i = 0; i < names.size(); i++) {
            machine.addRule(names.get(i), patterns.get(i));
        }
        // What a first event makes the machine do belongs to building.
        int matches = match(machine, 0).size();
        Map<String, Object> ready = new LinkedHashMap<>();
        ready.put("buildS", (SYSTEM.getProcessCpuTime() - cpu) / 1e9);
        ready.put("bytesPerRule", (double) (usedBytes() - bytes) / names.size());
        ready.put("rules", names.size());
        ready.put("events", texts.length);
        ready.put("matches", matches);
        return ready;
    }

    private List<String> match(Machine some, int event) throws Exception {
        return parsed ? some.rulesForJSONEvent(nodes[event]) : some.rulesForJSONEvent(texts[event]);
    }

    /** One batch, and the next batch's size, so that a clock is read about once a millisecond. */
    private long batch() throws Exception {
        long started = System.nanoTime();
        long matches = 0;
        for (int i = 0; i < batch; i++) {
            matches += match(machine, cursor).size();
            cursor = cursor + 1 == texts.length ? 0 : cursor + 1;
        }
        long took = System.nanoTime() - started;
        if (took < BATCH_NANOS / 2) {
            batch *= 2;
        } else if (took > BATCH_NANOS * 2 && batch > 1) {
            batch /= 2;
        }
        return matches;
    }

    private Object pass(long windowNanos) throws Exception {
        // The JVM tells CPU time in steps of 10 ms: a pass goes from one step to another.
        long first = SYSTEM.getProcessCpuTime();
        long started = first;
        while (started == first) {
            batch();
            started = SYSTEM.getProcessCpuTime();
        }
        long ownStarted = THREADS.getCurrentThreadCpuTime();
        long events = 0;
        long matches = 0;
        long now = started;
        while (now - started < windowNanos) {
            events += batch;
            matches += batch();
            now = SYSTEM.getProcessCpuTime();
        }
        Map<String, Object> sample = new LinkedHashMap<>();
        sample.put("events", events);
        sample.put("cpuUs", (now - started) / 1e3);
        sample.put("matches", matches);
        // Mostly the compiler's: while it works, the machine is not warm.
        sample.put("otherUs", Math.max(0, now - started - (THREADS.getCurrentThreadCpuTime() - ownStarted)) / 1e3);
        return sample;
    }

    private Object lists(int count) throws Exception {
        List<List<String>> found = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            found.add(match(machine, i));
        }
        return found;
    }

    private Object alone(int rule, int event) throws Exception {
        Machine fresh = Machine.builder().build();
        fresh.addRule(names.get(rule), patterns.get(rule));
        return match(fresh, event).size() == 1;
    }

    /** Microseconds to take out a rule and put it back, with an event matched after each; and of those two matches. */
    private Object change(int count) throws Exception {
        long started = System.nanoTime();
        for (int i = 0; i < count; i++) {
            match(machine, 2 * i % texts.length);
            match(machine, (2 * i + 1) % texts.length);
        }
        double matching = (System.nanoTime() - started) / 1e3 / count;
        started = System.nanoTime();
        for (int i = 0; i < count; i++) {
            int rule = (int) ((long) i * names.size() / count);
            machine.deleteRule(names.get(rule), patterns.get(rule));
            match(machine, 2 * i % texts.length);
            machine.addRule(names.get(rule), patterns.get(rule));
            match(machine, (2 * i + 1) % texts.length);
        }
        Map<String, Object> cost = new LinkedHashMap<>();
        cost.put("us", (System.nanoTime() - started) / 1e3 / count);
        cost.put("matchUs", matching);
        return cost;
    }
}
