package dev.portcullis.core.topology;

import dev.portcullis.core.link.ModuleId;

/**
 * What a worker sees of a port: packets that carry its tag are treated as if they came in there
 * (patent, P5).
 *
 * @param tag number unique across the gateway, from 0
 * @param name {@code lg-} and the name of the port; from the second replica of the IO module on
 *     with {@code -} and the replica
 * @param port name of the port
 * @param zone zone of the port
 * @param io the IO module that has the port
 */
public record LogicalInterface(int tag, String name, String port, String zone, ModuleId io) {}
