#include "gateway/unanswered.h"

namespace serin::gateway {
namespace {

// A client that closes makes HAProxy close the server's side: that is the client's own end, which
// HAProxy records as such. No condition of the configuration can see it.
constexpr std::string_view script_text =
    R"(core.register_action("serin_unanswered", {"tcp-res"}, function(txn)
    if txn.req:may_recv() then return act.DENY end
    return act.CONTINUE
end)
)";

// "0 1": what a number of tries ends with while HAProxy tries again. It is written "+1" when the
// last try was at another server.
std::string tries_left() {
    std::string ends;
    for (int tries = 0; tries < retries_max; ++tries) ends += " " + std::to_string(tries);
    return ends;
}

}  // namespace

std::vector<std::string> unanswered_global(const std::string& dir) {
    return {".if feature(LUA)", "    lua-load-per-thread " + dir + "/unanswered.lua", ".endif"};
}

std::vector<std::string> unanswered_lines() {
    const std::string methods(retried_methods);
    const std::string in_time =
        "{ date(0,us),sub(txn.t0),div(1000),sub(txn.patience) -m int lt 0 }";
    return {
        ".if feature(LUA)",
        // The rules wait for a status or the server's end, longer than any timeout.
        "    tcp-response inspect-delay 1d",
        // Of a first request a record is written anyway, and what may be tried again is: the rules
        // run at each try, and one that waits here would end the client's connection.
        "    tcp-response content accept if { http_first_req }",
        "    tcp-response content set-var-fmt(txn.tries) %rc if { method " + methods + " }",
        "    tcp-response content accept if { var(txn.tries) -m end" + tries_left() + " }",
        "    tcp-response content accept if { status -m found }",
        "    tcp-response content set-var(txn.patience) cur_server_timeout",
        "    tcp-response content lua.serin_unanswered if " + in_time,
        ".endif"};
}

std::string_view unanswered_script() {
    return script_text;
}

}  // namespace serin::gateway
