package dev.portcullis.core.policy.expression;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.primitives.UnsignedLong;
import com.sun.management.ThreadMXBean;
import dev.cel.runtime.CelEvaluationException;
import dev.cel.runtime.CelFunctionBinding;
import dev.cel.runtime.CelRuntime;
import dev.cel.runtime.CelRuntimeFactory;
import dev.portcullis.core.distribution.Lanes;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PassExpressionTest {

  private static final CelRuntime CEL =
      CelRuntimeFactory.standardCelRuntimeBuilder()
          .addFunctionBindings(
              CelFunctionBinding.from("min_int", Long.class, Long.class, Math::min),
              CelFunctionBinding.from("max_int", Long.class, Long.class, Math::max),
              CelFunctionBinding.from("mix_int", Long.class, x -> Lanes.mix(x) & Long.MAX_VALUE))
          .build();

  @Test
  void shouldComputeWhatCelComputesAndFailWhereCelFails() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int failed = 0;
    for (int round = 0; round < 300; round++) {
      boolean unsigned = random.nextInt(4) == 0;
      String text = unsigned ? unsigned(random, 3) : integer(random, 3);
      String what = "seed " + seed + ": " + text;
      PassExpression.Compiled compiled = PassExpression.compile(text);
      assertNull(compiled.problem(), what);
      assertNotNull(compiled.expression());
      CelRuntime.Program program =
          CEL.createProgram(ExpressionCompiler.language().compile(text).getAst());
      for (int i = 0; i < 20; i++) {
        HeaderFields fields = fields(random);
        long v = compiled.expression().v(fields);
        Object expected;
        try {
          expected = program.eval(variables(fields));
        } catch (CelEvaluationException e) {
          expected = null;
        }
        String at = what + " with " + variables(fields);
        assertEquals(expected == null, fields.failed(), at);
        failed += fields.failed() ? 1 : 0;
        if (expected instanceof UnsignedLong u) {
          assertEquals(u.longValue(), v, at);
        } else if (expected != null) {
          assertEquals(expected, v, at);
        }
      }
    }
    assertTrue(failed > 100, "hardly any evaluation failed: " + failed);
  }

  private static HeaderFields fields(Random random) {
    HeaderFields f = new HeaderFields();
    boolean v4 = random.nextBoolean();
    f.set(
        v4 ? 4 : 6,
        random.nextBoolean() ? 6 : 17,
        v4 ? 0 : random.nextLong(),
        v4 ? random.nextInt() & 0xffff_ffffL : random.nextLong(),
        v4 ? 0 : random.nextLong(),
        v4 ? random.nextInt() & 0xffff_ffffL : random.nextLong(),
        random.nextInt(4) > 0,
        random.nextInt(65_536),
        random.nextInt(65_536));
    return f;
  }

  private static Map<String, Object> variables(HeaderFields f) {
    Map<String, Object> values = new HashMap<>();
    ExpressionCompiler.VARIABLES.forEach(
        (name, term) ->
            values.put(
                name,
                name.endsWith("High") || name.endsWith("Low")
                    ? UnsignedLong.fromLongBits(term.value(f))
                    : (Object) term.value(f)));
    return values;
  }

  private static String integer(Random r, int depth) {
    if (depth == 0 || r.nextInt(5) == 0) {
      return switch (r.nextInt(9)) {
        case 0 -> "src";
        case 1 -> "dst";
        case 2 -> "sport";
        case 3 -> "dport";
        case 4 -> "proto";
        case 5 -> "version";
        case 6 -> "9223372036854775807";
        case 7 -> "(-9223372036854775807 - 1)";
        default -> Integer.toString(r.nextInt(5));
      };
    }
    String a = integer(r, depth - 1);
    String b = integer(r, depth - 1);
    return switch (r.nextInt(12)) {
      case 0, 1 -> "(" + a + " + " + b + ")";
      case 2 -> "(" + a + " - " + b + ")";
      case 3, 4 -> "(" + a + " * " + b + ")";
      case 5 -> "(" + a + " / " + b + ")";
      case 6 -> "(" + a + " % " + b + ")";
      case 7 -> "(-(" + a + "))";
      case 8 -> "int(" + unsigned(r, depth - 1) + ")";
      case 9 -> "min(" + a + ", max(" + b + ", 7))";
      case 10 -> "mix(" + a + ")";
      default -> "(" + truth(r, depth - 1) + " ? " + a + " : " + b + ")";
    };
  }

  private static String unsigned(Random r, int depth) {
    if (depth == 0 || r.nextInt(5) == 0) {
      return switch (r.nextInt(6)) {
        case 0 -> "srcHigh";
        case 1 -> "srcLow";
        case 2 -> "dstHigh";
        case 3 -> "dstLow";
        case 4 -> "18446744073709551615u";
        default -> r.nextInt(5) + "u";
      };
    }
    String a = unsigned(r, depth - 1);
    String b = unsigned(r, depth - 1);
    return switch (r.nextInt(7)) {
      case 0 -> "(" + a + " + " + b + ")";
      case 1 -> "(" + a + " - " + b + ")";
      case 2 -> "(" + a + " * " + b + ")";
      case 3 -> "(" + a + " / " + b + ")";
      case 4 -> "(" + a + " % " + b + ")";
      case 5 -> "uint(" + integer(r, depth - 1) + ")";
      default -> "(" + truth(r, depth - 1) + " ? " + a + " : " + b + ")";
    };
  }

  private static String truth(Random r, int depth) {
    if (depth <= 0) {
      return r.nextInt(3) == 0 ? "true" : "sport > 1024";
    }
    String[] order = {" == ", " != ", " < ", " <= ", " > ", " >= "};
    String by = order[r.nextInt(6)];
    return switch (r.nextInt(6)) {
      case 0 -> "(" + integer(r, depth - 1) + by + integer(r, depth - 1) + ")";
      case 1 -> "(" + unsigned(r, depth - 1) + by + unsigned(r, depth - 1) + ")";
      case 2 -> "(" + truth(r, depth - 1) + " && " + truth(r, depth - 1) + ")";
      case 3 -> "(" + truth(r, depth - 1) + " || " + truth(r, depth - 1) + ")";
      case 4 -> "!(" + truth(r, depth - 1) + ")";
      default -> "(" + integer(r, depth - 1) + " in [80, 443, sport])";
    };
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "src + dest | 1:7: undeclared reference to 'dest'",
        "src + | 1:",
        "src + 1.5 | 1:5: found no matching overload",
        "src == dst | its value is a bool; an int or uint is needed",
        "size('abc') | 1:6: a string cannot be used here",
        "sport in [1, 2] ? 1 : int('7') | 1:27: a string cannot be used here",
        "src + srcLow | 1:5: found no matching overload",
        "[1, 2][0] | 1:1: a list cannot be used here",
        "timestamp(0) == timestamp(0) ? 1 : 2 | 1:"
      })
  void shouldSayWhereABadOneIsWrong(String text, String problem) {
    PassExpression.Compiled compiled = PassExpression.compile(text);
    assertNull(compiled.expression());
    assertTrue(
        String.valueOf(compiled.problem()).startsWith(problem), () -> "" + compiled.problem());
  }

  @Test
  void shouldRefuseWhatIsEmptyOrTooLong() {
    assertNotNull(PassExpression.compile(" ").problem());
    assertNotNull(PassExpression.compile("1" + " + 1".repeat(400)).problem());
  }

  @Test
  void shouldNeverThrow() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    String from = "srcdt +-*/%()[]{}?:.,'\"\\1u&|!<>=\u00e9\ud83d";
    for (int i = 0; i < 500; i++) {
      StringBuilder text = new StringBuilder();
      for (int length = random.nextInt(30); length > 0; length--) {
        text.append(from.charAt(random.nextInt(from.length())));
      }
      PassExpression.Compiled compiled = PassExpression.compile(text.toString());
      assertEquals(compiled.expression() == null, compiled.problem() != null, "seed " + seed);
    }
  }

  @Test
  void shouldAllocateNothingPerPacket() {
    PassExpression expression =
        PassExpression.compile(
                "dport in [80, 443] || sport in [80, 443] ? mix(src) + mix(dst) / 2 : src / 256 + dst / 256")
            .expression();
    assertNotNull(expression);
    HeaderFields fields = fields(new Random(1));
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long best = Long.MAX_VALUE;
    for (int round = 0; round < 40; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      long sum = 0;
      for (int i = 0; i < 2000; i++) {
        sum += expression.v(fields);
      }
      best = Math.min(best, threads.getCurrentThreadAllocatedBytes() - before);
      assertTrue(sum != 1);
    }
    assertEquals(0, best);
  }
}
