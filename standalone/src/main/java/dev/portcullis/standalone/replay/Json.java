package dev.portcullis.standalone.replay;

/**
 * Writes one JSON value into text: objects, arrays, strings and numbers, in the order of the calls.
 */
public final class Json {

  private final StringBuilder text = new StringBuilder(512);
  private boolean first = true;

  /** Begins anew. */
  public Json clear() {
    text.setLength(0);
    first = true;
    return this;
  }

  private void comma() {
    if (!first) {
      text.append(',');
    }
    first = false;
  }

  /** Begins an object or array: { or [. */
  public Json open(char bracket) {
    comma();
    text.append(bracket);
    first = true;
    return this;
  }

  /** Ends an object or array: } or ]. */
  public Json close(char bracket) {
    text.append(bracket);
    first = false;
    return this;
  }

  /** Names the value that comes next. */
  public Json key(String name) {
    comma();
    quoted(name);
    text.append(':');
    first = true;
    return this;
  }

  /** Writes a number. */
  public Json value(long number) {
    comma();
    text.append(number);
    return this;
  }

  /** Writes a number. */
  public Json value(double number) {
    comma();
    text.append(number);
    return this;
  }

  /** Writes true or false. */
  public Json value(boolean bool) {
    comma();
    text.append(bool);
    return this;
  }

  /** Writes a string, escaped. */
  public Json value(String string) {
    comma();
    quoted(string);
    return this;
  }

  /** Writes null. */
  public Json nothing() {
    comma();
    text.append("null");
    return this;
  }

  private void quoted(String string) {
    text.append('"');
    for (int i = 0; i < string.length(); i++) {
      char c = string.charAt(i);
      switch (c) {
        case '"', '\\' -> text.append('\\').append(c);
        case '\n' -> text.append("\\n");
        case '\t' -> text.append("\\t");
        case '\r' -> text.append("\\r");
        default -> {
          if (c < 0x20) {
            text.append("\\u00")
                .append(Character.forDigit(c >> 4, 16))
                .append(Character.forDigit(c & 15, 16));
          } else {
            text.append(c);
          }
        }
      }
    }
    text.append('"');
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
