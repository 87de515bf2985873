#include "base/log.h"

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace serin::log {

namespace {

struct Sink {
    std::shared_ptr<spdlog::logger> logger;
    Form form = Form::text;
};

// Logging is the one process-wide facility: passing a logger through pure code buys nothing.
Sink& sink() {
    static Sink instance = [] {
        auto logger = std::make_shared<spdlog::logger>(
            "serin", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        logger->set_pattern("%v");
        logger->set_level(spdlog::level::info);
        logger->flush_on(spdlog::level::info);
        return Sink{logger, Form::text};
    }();
    return instance;
}

std::string quoted(std::string_view text) {
    return boost::json::serialize(boost::json::string(text));
}

bool needs_quotes(std::string_view text) {
    return text.empty() || text.find_first_of(" \"=\n\t\\") != std::string_view::npos;
}

spdlog::level::level_enum spdlog_level(Level level) {
    switch (level) {
        case Level::debug:
            return spdlog::level::debug;
        case Level::info:
            return spdlog::level::info;
        case Level::warning:
            return spdlog::level::warn;
        case Level::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

std::string_view name_of(Level level) {
    switch (level) {
        case Level::debug:
            return "debug";
        case Level::info:
            return "info";
        case Level::warning:
            return "warning";
        case Level::error:
            return "error";
    }
    return "info";
}

std::string time_now() {
    const auto now = std::chrono::system_clock::now();
    const auto part = std::chrono::duration_cast<std::chrono::milliseconds>(
        now - std::chrono::floor<std::chrono::seconds>(now));
    const auto day = std::chrono::floor<std::chrono::days>(now);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(now - day));
    return fmt::format(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        int(date.year()),
        unsigned(date.month()),
        unsigned(date.day()),
        time.hours().count(),
        time.minutes().count(),
        time.seconds().count(),
        part.count());
}

void write(Level level, std::string_view event, Fields fields) {
    Sink& out = sink();
    if (!out.logger->should_log(spdlog_level(level))) return;

    std::string line;
    if (out.form == Form::json) {
        line = fmt::format(
            R"({{"time":"{}","level":"{}","event":{})", time_now(), name_of(level), quoted(event));
        for (const Field& field : fields) {
            line += fmt::format(
                ",{}:{}",
                quoted(field.name),
                field.value.is_bare ? field.value.text : quoted(field.value.text));
        }
        line += "}";
    } else {
        line = fmt::format("{} {:7} {}", time_now(), name_of(level), event);
        for (const Field& field : fields) {
            line += fmt::format(
                " {}={}",
                field.name,
                needs_quotes(field.value.text) ? quoted(field.value.text) : field.value.text);
        }
    }
    out.logger->log(spdlog_level(level), "{}", line);
}

}  // namespace

FieldValue::FieldValue(double value) : text(fmt::format("{}", value)), is_bare(true) {}

void configure(Level least, Form form) {
    sink().logger->set_level(spdlog_level(least));
    sink().form = form;
}

void debug(std::string_view event, Fields fields) {
    write(Level::debug, event, fields);
}
void info(std::string_view event, Fields fields) {
    write(Level::info, event, fields);
}
void warning(std::string_view event, Fields fields) {
    write(Level::warning, event, fields);
}
void error(std::string_view event, Fields fields) {
    write(Level::error, event, fields);
}

}  // namespace serin::log
