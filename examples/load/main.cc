// Steady load and an honest account of it: `load run` sends requests at a constant rate, whatever
// the service does with them, and writes one line for each; `load report` counts those lines.
//
//   load run --url http://127.0.0.1:8080 --rate 200 --log FILE [--seconds N] [--connections N]
//   load report --log FILE --candidate v2 [--from MS] [--to MS]

#include <fmt/format.h>

#include "client.h"
#include "report.h"
#include <cstdlib>
#include <exception>
#include <map>
#include <stdexcept>
#include <string>

namespace {

std::map<std::string, std::string> options_of(int count, char** words) {
    std::map<std::string, std::string> options;
    for (int i = 2; i + 1 < count; i += 2) {
        const std::string name = words[i];
        if (!name.starts_with("--")) throw std::runtime_error("unexpected word: " + name);
        options[name.substr(2)] = words[i + 1];
    }
    return options;
}

std::string required(const std::map<std::string, std::string>& options, const std::string& name) {
    const auto found = options.find(name);
    if (found == options.end()) throw std::runtime_error("--" + name + " is missing");
    return found->second;
}

double number(
    const std::map<std::string, std::string>& options, const std::string& name, double otherwise) {
    const auto found = options.find(name);
    return found == options.end() ? otherwise : std::strtod(found->second.c_str(), nullptr);
}

int run(int count, char** words) {
    const std::string command = count > 1 ? words[1] : "";
    const auto options = options_of(count, words);
    if (command == "run") {
        return load::run_client({
            .url = required(options, "url"),
            .log_file = required(options, "log"),
            .rate = number(options, "rate", 200),
            .seconds = number(options, "seconds", 0),
            .connections_max = static_cast<int>(number(options, "connections", 256)),
        });
    }
    if (command == "report") {
        const std::string json = load::report({
            .log_file = required(options, "log"),
            .candidate = required(options, "candidate"),
            .from_ms = number(options, "from", 0),
            .to_ms = number(options, "to", 1e18),
        });
        fmt::print("{}\n", json);
        return 0;
    }
    throw std::runtime_error("use: load run|report --NAME VALUE ...");
}

}  // namespace

int main(int count, char** words) {
    try {
        return run(count, words);
    } catch (const std::exception& error) {
        fmt::print(stderr, "load: {}\n", error.what());
        return 2;
    }
}
