#pragma once

#include "node/image.h"
#include "ports/object_store.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace serin::node {

using Environment = std::map<std::string, std::string>;

// The actual port of every declared containerPort.
using PortMap = std::map<int, int>;

// What a container's environment is made from, besides its own spec.
struct Surroundings {
    const ObjectStore& store;
    const Object& pod;
    const std::string& pod_ip;
    const PortMap& ports;
    const std::string& node_name;
    const Environment& base;
};

struct Program {
    std::vector<std::string> argv;
    Environment env;
    std::string directory;
};

// What to run for a container of the pod: the image's and the manifest's command and environment,
// references to fields, ConfigMaps and Secrets resolved, $(VAR) expanded. Later entries win: base,
// image, HOST/PORT/POD_*, envFrom, env. The message of a failure names what is missing and never
// holds a value.
Result<Program> make_program(
    const Surroundings& around, const json::Object& container, const Image& image);

// "$(NAME)" -> the variable's value; "$$(NAME)" -> "$(NAME)"; unknown names stay as written.
std::string expand(std::string_view text, const Environment& env);

// The actual port for a probe's or hook's `port`: a number, or the name of a container port. A port
// that was not allocated is used as written. `invalid` for an unknown name.
Result<int> actual_port(
    const json::Value* port, const json::Object& container, const PortMap& ports);

}  // namespace serin::node
