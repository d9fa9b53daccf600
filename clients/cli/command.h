/* The commands of `brig`, each in its own file. argv[0] is the command's name as typed; the value is brig's exit status. */
#ifndef BRIG_CLI_COMMAND_H
#define BRIG_CLI_COMMAND_H

int command_run(int argc, char **argv);
int command_submit(int argc, char **argv);
int command_result(int argc, char **argv);
int command_cancel(int argc, char **argv);
int command_jobs(int argc, char **argv);
int command_agents(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_dlq(int argc, char **argv);
int command_artifacts(int argc, char **argv);
int command_doctor(int argc, char **argv);

#endif
