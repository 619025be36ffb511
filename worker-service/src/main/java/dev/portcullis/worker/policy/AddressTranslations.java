package dev.portcullis.worker.policy;

import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.Prefix;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Translations of whole addresses, both ways: one-to-one, and of IPv6 prefixes such that no
 * checksum changes (RFC 6296). The zones are the outer ones. Read on the first packet of a flow
 * only. Immutable; any thread.
 */
public final class AddressTranslations {

  /** An address that has no counterpart behind the other prefix: RFC 6296 section 3.5. */
  public static final IpAddress NO_COUNTERPART = new IpAddress(0, 0, 0);

  private record Entry(boolean[] zones, Prefix external, Prefix internal, boolean neutral) {}

  private final Entry[] entries;

  /** Compiles the translations: one-to-one first, then prefixes. */
  public AddressTranslations(PolicySpec.Nat nat, Egress egress) {
    List<Entry> list = new ArrayList<>();
    for (PolicySpec.StaticNat it : nat.statics()) {
      list.add(entry(it.zones(), it.external(), it.internal(), false, egress));
    }
    for (PolicySpec.PrefixNat it : nat.prefixes()) {
      list.add(entry(it.zones(), it.external(), it.internal(), true, egress));
    }
    entries = list.toArray(Entry[]::new);
  }

  private static Entry entry(
      List<String> zones, String external, String internal, boolean neutral, Egress egress) {
    return new Entry(
        ServiceMatch.zones(zones, egress.zones()),
        Egress.prefix(external),
        Egress.prefix(internal),
        neutral);
  }

  /**
   * Returns the sender's address as it is outside, null where nothing translates it, {@link
   * #NO_COUNTERPART}.
   *
   * @param zone zone that the packet goes to
   */
  public @Nullable IpAddress toExternal(int zone, int version, long high, long low) {
    for (Entry it : entries) {
      if (it.zones[zone] && contains(it.internal, version, high, low)) {
        return translated(it, it.internal, it.external, high, low);
      }
    }
    return null;
  }

  /**
   * Returns the receiver's address as it is inside, null where nothing translates it, {@link
   * #NO_COUNTERPART}.
   *
   * @param zone zone that the packet comes from, -1: any
   */
  public @Nullable IpAddress toInternal(int zone, int version, long high, long low) {
    for (Entry it : entries) {
      if ((zone < 0 || it.zones[zone]) && contains(it.external, version, high, low)) {
        return translated(it, it.external, it.internal, high, low);
      }
    }
    return null;
  }

  /** Whether there are none. */
  public boolean isEmpty() {
    return entries.length == 0;
  }

  /** Whether an address is the outer side of a translation, in whatever zone. */
  public boolean isExternal(int version, long high, long low) {
    for (Entry it : entries) {
      if (contains(it.external, version, high, low)) {
        return true;
      }
    }
    return false;
  }

  private static boolean contains(Prefix prefix, int version, long high, long low) {
    return prefix.address().version() == version
        && prefix.contains(new IpAddress(version, high, low));
  }

  private static IpAddress translated(Entry it, Prefix from, Prefix to, long high, long low) {
    int behind = from.address().bits() - from.length();
    long lowMask = behind >= 64 ? -1L : (1L << behind) - 1;
    long highMask = behind <= 64 ? 0 : behind == 128 ? -1L : (1L << behind - 64) - 1;
    long newHigh = to.address().high() & ~highMask | high & highMask;
    long newLow = to.address().low() & ~lowMask | low & lowMask;
    return it.neutral
        ? neutral(from, to, newHigh, newLow)
        : new IpAddress(from.address().version(), newHigh, newLow);
  }

  /**
   * Takes the change of the prefix back in one word: of the subnet for prefixes up to /48 (RFC 6296
   * section 3.4), else in the first of the interface identifier that is not 0xffff (section 3.5).
   * 0xffff becomes 0, so one that is 0xffff could not be told from 0 on its way back.
   */
  private static IpAddress neutral(Prefix from, Prefix to, long high, long low) {
    int change =
        Checksum.change(
            to.address().high(), to.address().low(), from.address().high(), from.address().low());
    if (from.length() <= 48) {
      int word = (int) high & 0xffff;
      return word == 0xffff
          ? NO_COUNTERPART
          : new IpAddress(6, high & ~0xffffL | plus(word, change), low);
    }
    for (int shift = 48; shift >= 0; shift -= 16) {
      int word = (int) (low >>> shift) & 0xffff;
      if (word != 0xffff) {
        return new IpAddress(
            6, high, low & ~(0xffffL << shift) | (long) plus(word, change) << shift);
      }
    }
    return NO_COUNTERPART;
  }

  private static int plus(int word, int change) {
    int sum = Checksum.both(word, change);
    return sum == 0xffff ? 0 : sum;
  }
}
