// event-ruler as the judge of native EventBridge filters: each line of standard input is a JSON object with two JSON texts,
// "pattern" and "event"; each gets a line of standard output: match, no-match, invalid (the pattern) or event-error.
// A machine of its own for each pair: event-ruler is known to lose matches of rules that have neighbours.
// Run as a single source file; the class path is the jars that the rules bench fetches (.busway/bench/event-ruler/lib).

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import software.amazon.event.ruler.Machine;

public final class RulerVerdicts {
    public static void main(String[] args) throws Exception {
        ObjectMapper json = new ObjectMapper();
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonNode pair = json.readTree(line);
            out.println(verdict(pair.get("pattern").asText(), pair.get("event").asText()));
        }
    }

    private static String verdict(String pattern, String event) {
        Machine machine = Machine.builder().build();
        try {
            machine.addRule("it", pattern);
        } catch (Exception refused) {
            return "invalid";
        }
        try {
            return machine.rulesForJSONEvent(event).isEmpty() ? "no-match" : "match";
        } catch (Exception refused) {
            return "event-error";
        }
    }
}
