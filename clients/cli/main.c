/* brig: the command line. */
#include <stdio.h>
#include <string.h>

#include "clients/cli/command.h"
#include "clients/cli/complaint.h"
#include "common/nearest.h"
#include "common/risk.h"

struct command {
        const char *name;
        const char *help;
        int (*run)(int argc, char **argv);
};

static const struct command COMMANDS[] = {
                {"run", "run a program in a sandbox here and now", command_run},
                {"submit", "put a job on the queue", command_submit},
                {"result", "show what became of a queued job", command_result},
                {"cancel", "end a queued or running job", command_cancel},
                {"jobs", "list the jobs of an agent", command_jobs},
                {"agents", "list agents with trust and quarantine", command_agents},
                {"audit", "look through the audit events", command_audit},
                {"dlq", "list what could not be read as a job", command_dlq},
                {"artifacts", "list and get files that jobs left here", command_artifacts},
                {"doctor", "say whether this host can run sandboxes, and what to do if not", command_doctor},
};

enum { COMMAND_COUNT = sizeof COMMANDS / sizeof *COMMANDS };

static int print_help(void)
{
        printf("Usage: brig COMMAND [OPTIONS]\n\nRuns code that nobody trusts, each program in a container of its own.\n\nCommands:\n");
        for (size_t i = 0; i < COMMAND_COUNT; i++)
                printf("  %-10s %s\n", COMMANDS[i].name, COMMANDS[i].help);
        printf("  %-10s %s\n\n", "low, medium, high", "the same as run --risk-level LEVEL");
        printf("Every command explains itself: brig COMMAND --help\n\n"
               "Examples:\n"
               "  brig run --code hello.py\n"
               "  brig medium --timeout 300 --memory 512m --cpu 1.0 --code test.py\n"
               "  brig submit --wait --language python --code hello.py --agent-id agent-7\n"
               "  brig doctor\n");
        return CLI_OK;
}

static const struct command *find_command(const char *name)
{
        enum risk risk;
        if (risk_parse(span_of(name), &risk))
                name = "run";
        for (size_t i = 0; i < COMMAND_COUNT; i++)
                if (strcmp(COMMANDS[i].name, name) == 0)
                        return &COMMANDS[i];
        return NULL;
}

static int unknown_command(const char *name)
{
        const char *names[COMMAND_COUNT];
        char remedy[64] = "brig --help lists them";
        for (size_t i = 0; i < COMMAND_COUNT; i++)
                names[i] = COMMANDS[i].name;
        const char *nearest = nearest_name(span_of(name), names, COMMAND_COUNT);
        if (nearest)
                snprintf(remedy, sizeof remedy, "did you mean brig %s?", nearest);
        return complain(CLI_USAGE, name, "no such command", remedy);
}

int main(int argc, char **argv)
{
        if (argc < 2)
                return complain(CLI_USAGE, NULL, "no command given", "brig --help lists them");
        const char *name = argv[1];
        if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
                return print_help();
        if (strcmp(name, "--version") == 0)
                return printf("brig %s\n", BRIG_VERSION) > 0 ? CLI_OK : CLI_FAILED;
        const struct command *command = find_command(name);
        return command ? command->run(argc - 1, argv + 1) : unknown_command(name);
}
