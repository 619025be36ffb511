package dev.portcullis.standalone.bench;

/**
 * What stands on the line of a benchmark besides the figures.
 *
 * @param id for example {@code B1}
 * @param name the two sides, for example {@code grpc-hop/iperf3}
 * @param detail size of what is moved, for example {@code 64KiB}; may be empty
 * @param floor the ratio that must be reached, as it is printed
 * @param goal the ratio that is aimed at, as it is printed
 * @param lowerIsBetter whether less is better
 */
record Title(
    String id, String name, String detail, String floor, String goal, boolean lowerIsBetter) {}
