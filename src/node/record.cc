#include "node/record.h"

#include "base/json.h"
#include "node/files.h"

#include <fmt/format.h>

#include <charconv>

namespace serin::node {

namespace {

constexpr std::int64_t version = 1;

std::string text_of(const json::Object& from, std::string_view member) {
    return std::string(json::text(from.if_contains(member)).value_or(""));
}

int number_of(const json::Object& from, std::string_view member) {
    return static_cast<int>(json::integer(from.if_contains(member)).value_or(0));
}

Instant time_of(const json::Object& from, std::string_view member) {
    return parse_time(text_of(from, member)).value_or(Instant{});
}

json::Object written(const ExitRecord& exit) {
    return {
        {"code", exit.code},
        {"signal", exit.signal},
        {"reason", exit.reason},
        {"message", exit.message},
        {"started", format_time_precise(exit.started)},
        {"finished", format_time_precise(exit.finished)},
        {"run", exit.run}};
}

std::optional<ExitRecord> read_exit(const json::Object& from, std::string_view member) {
    const json::Object* exit = json::object(from.if_contains(member));
    if (exit == nullptr) return std::nullopt;
    return ExitRecord{
        .code = number_of(*exit, "code"),
        .signal = number_of(*exit, "signal"),
        .reason = text_of(*exit, "reason"),
        .message = text_of(*exit, "message"),
        .started = time_of(*exit, "started"),
        .finished = time_of(*exit, "finished"),
        .run = number_of(*exit, "run")};
}

json::Object written(const ContainerRecord& container) {
    json::Object out{
        {"name", container.name},
        {"init", container.is_init},
        {"pid", container.process.pid},
        {"start_time", container.process.start_time},
        {"run", container.run},
        {"started", format_time_precise(container.started)},
        {"backoff_ms", container.backoff.count()},
        {"image", container.image},
        {"has_started", container.has_started},
        {"ready", container.is_ready}};
    if (container.exit) out["exit"] = written(*container.exit);
    if (container.last_exit) out["last_exit"] = written(*container.last_exit);
    return out;
}

ContainerRecord read_container(const json::Object& from) {
    ContainerRecord container{
        .name = text_of(from, "name"),
        .is_init = json::boolean(from.if_contains("init")).value_or(false),
        .run = number_of(from, "run"),
        .started = time_of(from, "started"),
        .backoff = Duration(json::integer(from.if_contains("backoff_ms")).value_or(0)),
        .exit = read_exit(from, "exit"),
        .last_exit = read_exit(from, "last_exit"),
        .image = text_of(from, "image"),
        .has_started = json::boolean(from.if_contains("has_started")).value_or(false),
        .is_ready = json::boolean(from.if_contains("ready")).value_or(false)};
    container.process = {
        .pid = number_of(from, "pid"),
        .start_time =
            static_cast<std::uint64_t>(json::integer(from.if_contains("start_time")).value_or(0))};
    return container;
}

}  // namespace

ContainerRecord* PodRecord::find(std::string_view container) {
    for (ContainerRecord& one : containers) {
        if (one.name == container) return &one;
    }
    return nullptr;
}

const ContainerRecord* PodRecord::find(std::string_view container) const {
    for (const ContainerRecord& one : containers) {
        if (one.name == container) return &one;
    }
    return nullptr;
}

Result<PodRecord> read_record(const std::string& file) {
    SERIN_TRY(const std::string text, read_file(file));
    Result<json::Value> parsed = json::parse(text);
    if (!parsed) return std::unexpected(std::move(parsed).error().within(file));
    const json::Object* from = parsed->if_object();
    if (from == nullptr || number_of(*from, "version") != version) {
        return fail(ErrorKind::invalid, fmt::format("{}: not a record of this version", file));
    }
    PodRecord record{
        .uid = text_of(*from, "uid"),
        .ns = text_of(*from, "namespace"),
        .name = text_of(*from, "name"),
        .boot_id = text_of(*from, "boot_id"),
        .ip = text_of(*from, "ip")};
    if (from->contains("deletion_seen")) record.deletion_seen = time_of(*from, "deletion_seen");
    if (const json::Object* ports = json::object(from->if_contains("ports"))) {
        for (const auto& port : *ports) {
            const std::string_view key = port.key();
            int declared = 0;
            std::from_chars(key.data(), key.data() + key.size(), declared);
            record.ports[declared] = static_cast<int>(json::integer(&port.value()).value_or(0));
        }
    }
    if (const json::Array* containers = json::array(from->if_contains("containers"))) {
        for (const json::Value& one : *containers) {
            if (one.is_object()) record.containers.push_back(read_container(one.get_object()));
        }
    }
    return record;
}

Result<> write_record(const std::string& file, const PodRecord& record) {
    json::Object ports;
    for (const auto& [declared, actual] : record.ports) ports[std::to_string(declared)] = actual;
    json::Array containers;
    for (const ContainerRecord& one : record.containers) containers.push_back(written(one));
    json::Object out{
        {"version", version},
        {"uid", record.uid},
        {"namespace", record.ns},
        {"name", record.name},
        {"boot_id", record.boot_id},
        {"ip", record.ip},
        {"ports", std::move(ports)},
        {"containers", std::move(containers)}};
    if (record.deletion_seen) out["deletion_seen"] = format_time_precise(*record.deletion_seen);
    return write_file(file, json::print_pretty(out) + "\n");
}

}  // namespace serin::node
