package dev.portcullis.core.policy;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * All that the loader and the reference know about one field of the configuration, on its record
 * component.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
@interface Field {

  /** One sentence for the reference. */
  String doc();

  /**
   * Key in YAML where it differs from the component; a dot steps into an object ({@code
   * translateTo.port}).
   */
  String key() default "";

  /** Default as YAML text; empty: an empty list, an object of defaults, or nothing. */
  String value() default "";

  /** Whether it must be given. */
  boolean required() default false;

  /** How text is read. */
  Kind kind() default Kind.PLAIN;

  /** Least number. */
  long min() default 0;

  /** Greatest number. */
  long max() default Integer.MAX_VALUE;

  /** How text is read. */
  enum Kind {
    PLAIN,
    NAME,
    CIDR,
    ADDRESS,
    DURATION,
    SIZE,
    QUANTITY,
    PROTOCOL,
    TIME,
    ZONE,
    DATE
  }
}
