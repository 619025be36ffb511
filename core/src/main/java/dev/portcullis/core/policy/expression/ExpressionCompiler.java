package dev.portcullis.core.policy.expression;

import dev.cel.common.CelAbstractSyntaxTree;
import dev.cel.common.CelFunctionDecl;
import dev.cel.common.CelIssue;
import dev.cel.common.CelOverloadDecl;
import dev.cel.common.CelSourceLocation;
import dev.cel.common.CelValidationException;
import dev.cel.common.CelValidationResult;
import dev.cel.common.ast.CelConstant;
import dev.cel.common.ast.CelExpr;
import dev.cel.common.types.CelType;
import dev.cel.common.types.SimpleType;
import dev.cel.compiler.CelCompiler;
import dev.cel.compiler.CelCompilerFactory;
import dev.portcullis.core.policy.expression.PassExpression.Compiled;
import java.util.List;
import java.util.Map;

/**
 * From the text of an expression to its terms. CEL's own parser and type checker say what is right;
 * what they accept and a header has no use for (texts, floating point, maps) is refused too.
 *
 * <p>One thread, used once.
 */
final class ExpressionCompiler {

  /** The variables. */
  static final Map<String, Term> VARIABLES =
      Map.of(
          "src", f -> HeaderFields.folded(f.sourceHigh, f.sourceLow),
          "dst", f -> HeaderFields.folded(f.destinationHigh, f.destinationLow),
          "sport", f -> f.sourcePort,
          "dport", f -> f.destinationPort,
          "proto", f -> f.protocol,
          "version", f -> f.version,
          "srcHigh", f -> f.sourceHigh,
          "srcLow", f -> f.sourceLow,
          "dstHigh", f -> f.destinationHigh,
          "dstLow", f -> f.destinationLow);

  private final String text;
  private String problem = "";

  ExpressionCompiler(String text) {
    this.text = text;
  }

  /** The language: CEL's standard, with our variables and functions, without macros. */
  static CelCompiler language() {
    var builder = CelCompilerFactory.standardCelCompilerBuilder();
    VARIABLES
        .keySet()
        .forEach(
            it ->
                builder.addVar(
                    it,
                    it.endsWith("High") || it.endsWith("Low") ? SimpleType.UINT : SimpleType.INT));
    for (String two : List.of("min", "max")) {
      builder.addFunctionDeclarations(
          CelFunctionDecl.newFunctionDeclaration(
              two,
              CelOverloadDecl.newGlobalOverload(
                  two + "_int", SimpleType.INT, SimpleType.INT, SimpleType.INT)));
    }
    return builder
        .addFunctionDeclarations(
            CelFunctionDecl.newFunctionDeclaration(
                "mix",
                CelOverloadDecl.newGlobalOverload("mix_int", SimpleType.INT, SimpleType.INT)))
        .build();
  }

  Compiled compile() {
    if (text.isBlank()) {
      return new Compiled(null, "there is no expression");
    }
    if (text.length() > PassExpression.MAX_LENGTH) {
      return new Compiled(null, "it is longer than " + PassExpression.MAX_LENGTH + " characters");
    }
    CelValidationResult checked = language().compile(text);
    if (checked.hasError()) {
      CelIssue first = checked.getErrors().getFirst();
      return new Compiled(null, at(first.getSourceLocation()) + firstLine(first.getMessage()));
    }
    CelAbstractSyntaxTree tree;
    try {
      tree = checked.getAst();
    } catch (CelValidationException e) {
      return new Compiled(null, firstLine(String.valueOf(e.getMessage())));
    }
    CelType type = tree.getResultType();
    if (!type.equals(SimpleType.INT) && !type.equals(SimpleType.UINT)) {
      return new Compiled(null, "its value is a " + type.name() + "; an int or uint is needed");
    }
    Term term = term(tree, tree.getExpr());
    return problem.isEmpty()
        ? new Compiled(new PassExpression(term), null)
        : new Compiled(null, problem);
  }

  private static String firstLine(String message) {
    return message.lines().findFirst().orElse("");
  }

  private static String at(CelSourceLocation location) {
    return location.getLine() + ":" + (location.getColumn() + 1) + ": ";
  }

  private Term refuse(CelAbstractSyntaxTree tree, CelExpr expression, String what) {
    if (problem.isEmpty()) {
      Integer offset = tree.getSource().getPositionsMap().get(expression.id());
      problem =
          (offset == null
                  ? ""
                  : tree.getSource()
                      .getOffsetLocation(offset)
                      .map(ExpressionCompiler::at)
                      .orElse(""))
              + what
              + " cannot be used here";
    }
    return f -> 0;
  }

  private Term term(CelAbstractSyntaxTree tree, CelExpr e) {
    return switch (e.exprKind().getKind()) {
      case CONSTANT -> constant(tree, e);
      case IDENT -> {
        Term variable = VARIABLES.get(e.ident().name());
        yield variable == null ? refuse(tree, e, e.ident().name()) : variable;
      }
      case CALL -> call(tree, e);
      default -> refuse(tree, e, "this kind of value");
    };
  }

  private Term constant(CelAbstractSyntaxTree tree, CelExpr e) {
    CelConstant constant = e.constant();
    long value;
    switch (constant.getKind()) {
      case INT64_VALUE -> value = constant.int64Value();
      case UINT64_VALUE -> value = constant.uint64Value().longValue();
      case BOOLEAN_VALUE -> value = constant.booleanValue() ? 1 : 0;
      default -> {
        return refuse(tree, e, "a constant that is no int, uint or bool");
      }
    }
    return f -> value;
  }

  private Term call(CelAbstractSyntaxTree tree, CelExpr e) {
    List<CelExpr> arguments = e.call().args();
    String function = e.call().function();
    if (function.equals("@in")
        && arguments.get(1).exprKind().getKind() == CelExpr.ExprKind.Kind.LIST) {
      Term[] list =
          arguments.get(1).list().elements().stream()
              .map(it -> number(tree, it))
              .toArray(Term[]::new);
      return Term.in(number(tree, arguments.getFirst()), list);
    }
    Term a = number(tree, arguments.getFirst());
    CelType type = typeOf(tree, arguments.getFirst());
    boolean unsigned = type.equals(SimpleType.UINT);
    if (arguments.size() == 3 && function.equals("_?_:_")) {
      return Term.choose(a, number(tree, arguments.get(1)), number(tree, arguments.get(2)));
    }
    if (arguments.size() == 1) {
      return switch (function) {
        case "!_" -> Term.not(a);
        case "-_" -> Term.negate(a);
        case "int", "uint" -> function.equals(type.name()) ? a : Term.convert(a);
        case "mix" -> Term.mix(a);
        default -> refuse(tree, e, function);
      };
    }
    Term b = number(tree, arguments.get(1));
    if (!typeOf(tree, arguments.get(1)).equals(type)) {
      return refuse(tree, e, "a comparison of different types");
    }
    return switch (function) {
      case "_+_" -> unsigned ? Term.addUnsigned(a, b) : Term.add(a, b);
      case "_-_" -> unsigned ? Term.subtractUnsigned(a, b) : Term.subtract(a, b);
      case "_*_" -> unsigned ? Term.multiplyUnsigned(a, b) : Term.multiply(a, b);
      case "_/_" -> unsigned ? Term.divideUnsigned(a, b) : Term.divide(a, b);
      case "_%_" -> unsigned ? Term.remainderUnsigned(a, b) : Term.remainder(a, b);
      case "_&&_" -> Term.both(a, b, 0);
      case "_||_" -> Term.both(a, b, 1);
      case "_==_" -> Term.equal(a, b);
      case "_!=_" -> Term.not(Term.equal(a, b));
      case "_<_" -> unsigned ? Term.lessUnsigned(a, b) : Term.less(a, b);
      case "_>_" -> unsigned ? Term.lessUnsigned(b, a) : Term.less(b, a);
      case "_<=_" -> Term.not(unsigned ? Term.lessUnsigned(b, a) : Term.less(b, a));
      case "_>=_" -> Term.not(unsigned ? Term.lessUnsigned(a, b) : Term.less(a, b));
      case "min" -> Term.min(a, b);
      case "max" -> Term.max(a, b);
      default -> refuse(tree, e, function);
    };
  }

  /** The term of an argument, which must be of one of the types that a header has. */
  private Term number(CelAbstractSyntaxTree tree, CelExpr e) {
    CelType type = typeOf(tree, e);
    boolean ours =
        type.equals(SimpleType.INT) || type.equals(SimpleType.UINT) || type.equals(SimpleType.BOOL);
    return ours ? term(tree, e) : refuse(tree, e, "a " + type.name());
  }

  private static CelType typeOf(CelAbstractSyntaxTree tree, CelExpr e) {
    return tree.getType(e.id()).orElse(SimpleType.DYN);
  }
}
